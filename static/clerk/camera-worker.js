/**
 * Reads QR codes out of camera frames, off the page's thread.
 *
 * Message: {frame: VideoFrame | ImageBitmap, at}; answer: {text: string | null, at, ms}. `{ready: true}` comes once the reader is warm.
 */
import { prepareZXingModule, readBarcodes } from "../vendor/zxing-wasm-3.1.4/reader/index.js";

const WASM = new URL("../vendor/zxing-wasm-3.1.4/reader/zxing_reader.wasm", import.meta.url).href;

// The cheap pass first; every other frame without a find gets the thorough one (blur, rotation, white on black).
const QUICK = { tryHarder: false, tryRotate: false, tryInvert: false, tryDownscale: true };
const THOROUGH = { tryHarder: true, tryRotate: true, tryInvert: true, tryDownscale: true };

/** @type {OffscreenCanvas | null} */
let canvas = null;
let thorough = false;

const ready = prepare();

addEventListener("message", async ({ data: { frame, at } }) => {
  await ready;
  const startedAt = performance.now();
  const pixels = pixelsOf(frame);
  frame.close();
  const text = await read(pixels);
  thorough = text === null && !thorough;
  postMessage({ text, at, ms: performance.now() - startedAt });
});

/** The first decode compiles the reader (100 ms): an empty picture pays for it before the first customer does. */
async function prepare() {
  await prepareZXingModule({ overrides: { locateFile: () => WASM }, fireImmediately: true });
  await read(new ImageData(64, 64));
  postMessage({ ready: true });
}

/** @param {ImageData} pixels @returns {Promise<string | null>} */
async function read(pixels) {
  const found = await readBarcodes(pixels, { formats: ["QRCode"], maxNumberOfSymbols: 1, ...(thorough ? THOROUGH : QUICK) });
  return found.find((code) => code.isValid)?.text ?? null;
}

/** @param {VideoFrame | ImageBitmap} frame */
function pixelsOf(frame) {
  const [width, height] = frame instanceof ImageBitmap ? [frame.width, frame.height] : [frame.displayWidth, frame.displayHeight];
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no 2d canvas");
  context.drawImage(frame, 0, 0);
  return context.getImageData(0, 0, width, height);
}
