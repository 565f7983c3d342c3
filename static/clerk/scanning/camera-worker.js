/**
 * Reads QR codes out of camera frames, off the page's thread.
 *
 * Message: {frame: VideoFrame | ImageBitmap, at}; answer: {texts: string[], at, ms}. `{ready: true}` is posted once the reader is
 * compiled, `{failed: true}` if it can't start or fails at a frame: then it is not to be trusted any more.
 */
import { digitsIn } from "../domain/names.js";
import { prepareZXingModule, readBarcodes } from "../../vendor/zxing-wasm-3.1.4/reader/index.js";

const WASM = new URL("../../vendor/zxing-wasm-3.1.4/reader/zxing_reader.wasm", import.meta.url).href;

// First a quick pass over the middle of the picture, where the page shows a frame. After a frame without a coupon, the next one gets
// the thorough pass (blur, rotation, white on black) over the whole picture.
const QUICK = { tryHarder: false, tryRotate: false, tryInvert: false, tryDownscale: false };
const THOROUGH = { tryHarder: true, tryRotate: true, tryInvert: true, tryDownscale: true };

/** A counter may have other codes on it, as for payments. */
const SYMBOLS_MAX = 8;

/** @type {Map<string, OffscreenCanvasRenderingContext2D>} by size: the middle, and the whole picture */
const contexts = new Map();
let thorough = false;
let canCopy = true;

const ready = prepare().catch((error) => {
  postMessage({ failed: true });
  throw error;
});

addEventListener("message", async ({ data: { frame, at } }) => {
  await ready;
  const startedAt = performance.now();
  try {
    const pixels = await pixelsOf(frame, !thorough);
    frame.close();
    const texts = await read(pixels);
    thorough = !texts.some(digitsIn) && !thorough;
    postMessage({ texts, at, ms: performance.now() - startedAt });
  } catch (error) {
    postMessage({ failed: true });
    throw error;
  }
});

/** The first decode compiles the reader (100 ms), so an empty picture is decoded before the first customer comes. */
async function prepare() {
  await prepareZXingModule({ overrides: { locateFile: () => WASM }, fireImmediately: true });
  await read(new ImageData(64, 64));
  postMessage({ ready: true });
}

/**
 * The first code found, if it is a coupon's: to look on takes longer. Else all codes in the picture.
 * @param {ImageData} pixels
 */
async function read(pixels) {
  const texts = await find(pixels, 1);
  return texts.length && !texts.some(digitsIn) ? find(pixels, SYMBOLS_MAX) : texts;
}

/** @param {ImageData} pixels @param {number} many */
async function find(pixels, many) {
  const found = await readBarcodes(pixels, { formats: ["QRCode"], maxNumberOfSymbols: many, ...(thorough ? THOROUGH : QUICK) });
  return found.filter((code) => code.isValid).map(({ text }) => text);
}

/** @param {VideoFrame | ImageBitmap} frame @param {boolean} middle only the largest square in the middle */
async function pixelsOf(frame, middle) {
  const [width, height] = frame instanceof ImageBitmap ? [frame.width, frame.height] : [frame.displayWidth, frame.displayHeight];
  const side = Math.min(width, height);
  const [w, h] = middle ? [side, side] : [width, height];
  const rect = { x: even((width - w) / 2), y: even((height - h) / 2), width: w, height: h };
  return (await copyPixels(frame, rect)) ?? drawPixels(frame, rect);
}

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

/**
 * Takes a third of the time of drawing, but needs a browser that can copy as RGBA; null where it can't.
 * @param {VideoFrame | ImageBitmap} frame @param {Rect} rect
 */
async function copyPixels(frame, rect) {
  if (frame instanceof ImageBitmap || !canCopy) return null;
  const options = /** @type {any} */ ({ rect, format: "RGBA" });
  try {
    // A browser that ignores the option would copy another format, of another size.
    canCopy = frame.allocationSize(options) === rect.width * rect.height * 4;
    if (!canCopy) return null;
    const data = new Uint8ClampedArray(rect.width * rect.height * 4);
    await frame.copyTo(data, options);
    return new ImageData(data, rect.width, rect.height);
  } catch {
    canCopy = false; // this camera's frames can't be copied: draw them from now on
    return null;
  }
}

/** @param {VideoFrame | ImageBitmap} frame @param {Rect} rect */
function drawPixels(frame, { x, y, width, height }) {
  const context = contextOf(width, height);
  context.drawImage(frame, x, y, width, height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/** Two pixels share their chroma, so browsers refuse a rectangle that cuts between them. @param {number} number */
const even = (number) => Math.floor(number / 2) * 2;

/** @param {number} width @param {number} height */
function contextOf(width, height) {
  const size = `${width}×${height}`;
  const known = contexts.get(size);
  if (known) return known;
  const made = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!made) throw new Error("no 2d canvas");
  contexts.set(size, made);
  return made;
}
