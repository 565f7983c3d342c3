/** Opens the journal of the device that this tablet is, and compares it with all that is known of it. */
import { DamagedJournal } from "../storage/damage.js";
import { Journal } from "../storage/journal.js";

/** @import { Damage } from "../storage/damage.js" */
/** @import { JournalFile, Opened } from "../storage/journal-file.js" */
/** @import { Signer } from "../storage/journal.js" */
/** @import { Memory } from "./sync.js" */

/** The server's refusal of a tablet whose journal is shorter than what it sent. */
export const BEHIND = "journal_behind";

/**
 * @param {Signer} signer of the device @param {{file: JournalFile, opened: Opened}} kept  `opened`: the file as it was opened
 * @param {Pick<Memory, "acknowledged" | "heard">} memory @param {() => number} now
 * @returns {Promise<{journal: Journal, damage: Damage | null}>}  with `damage` the journal holds what could be read before it, and the
 *   tablet gives nothing more
 */
export async function openJournal(signer, { file, opened }, memory, now) {
  const journal = new Journal(file, signer, now);
  const [acknowledged, heard] = await Promise.all([memory.acknowledged(), memory.heard()]);
  try {
    await journal.load(opened.texts);
  } catch (error) {
    if (!(error instanceof DamagedJournal)) throw error;
    return { journal, damage: opened.damage ?? error.damage };
  }
  if (heard?.refused === BEHIND) return { journal, damage: "short" };
  return { journal, damage: opened.damage ?? (await journal.findLoss(acknowledged, heard?.receipt)) };
}
