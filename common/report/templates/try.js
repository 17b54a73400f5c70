// Runs a network on a picture. Nothing is fetched: the page contains all that it needs, compressed.
"use strict";

const byId = (id) => document.getElementById(id);
const settings = JSON.parse(byId("settings").textContent);
const KINDS = ["\x89PNG", "\xff\xd8\xff", "RIFF", "BM"]; // how PNG, JPEG, WebP and BMP begin

// A picture that can't be used. The message is a sentence for the person.
class Refusal extends Error {}

const bytesOf = (base64) => {
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let each = 0; each < text.length; each++) bytes[each] = text.charCodeAt(each);
  return bytes;
};

async function unpacked(id) {
  const stream = new Blob([bytesOf(byId(id).textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Returns a function from pixels, uint8 RGB of the network's size, to the network's probabilities, float32.
async function loadNetwork() {
  const script = URL.createObjectURL(new Blob([await unpacked("runtime")], { type: "text/javascript" }));
  const runtime = await import(script);
  runtime.env.wasm.numThreads = 1; // more threads need HTTP headers, which a file from the disk does not have
  runtime.env.wasm.wasmBinary = (await unpacked("program")).buffer;
  const network = await runtime.InferenceSession.create(await unpacked("network"), { executionProviders: ["wasm"] });
  // The network is as repro export writes it: it normalises the pixels itself.
  return async (small) => {
    const image = new runtime.Tensor("uint8", small, [1, settings.side, settings.side, 3]);
    return (await network.run({ image })).probability.data;
  };
}

let loaded = null;
const network = () => (loaded ??= loadNetwork().catch((error) => {
  loaded = null; // the next picture tries again
  throw error;
}));

async function readPicture(file, name) {
  const megabytes = settings.mostBytes / 1e6, millions = settings.mostPixels / 1e6;
  if (file.size > settings.mostBytes) throw new Refusal(`${name} is larger than ${megabytes} MB. Make it smaller.`);
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 25).arrayBuffer()));
  if (!KINDS.some((kind) => head.startsWith(kind))) {
    throw new Refusal(`${name} is no PNG, JPEG, WebP or BMP picture. repro predict reads TIFF and DICOM too.`);
  }
  if (head.startsWith(KINDS[0]) && head.charCodeAt(24) === 16) {
    throw new Refusal(`${name} has 16 bits a pixel, and a browser keeps 8 of them. repro predict reads all.`);
  }
  let bitmap;
  try {
    // As repro predict reads a picture: the colour profile is ignored, the EXIF orientation is applied.
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  } catch {
    throw new Refusal(`${name} can't be opened: it is damaged, or not a picture that this browser reads.`);
  }
  const { width, height } = bitmap;
  if (width * height > settings.mostPixels) {
    throw new Refusal(`${name} has more than ${millions} million pixels. Make it smaller.`);
  }
  const context = Object.assign(document.createElement("canvas"), { width, height })
    .getContext("2d", { willReadFrequently: true }); // keeps it in memory: a graphics card may change pixel values
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const picture = context.getImageData(0, 0, width, height);
  for (let alpha = 3; alpha < picture.data.length; alpha += 4) {
    if (picture.data[alpha] < 255) throw new Refusal(`${name} has transparent pixels. Save it without them.`);
  }
  return picture;
}

// Draws the picture and a line round the marked area, on a wider black line. Both are as wide as in repro predict.
function drawOutline(canvas, picture, mask) {
  const { width, height } = picture;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.putImageData(picture, 0, 0);
  const side = Math.min(width, height), line = Math.max(1, Math.round(side / 250));
  const edge = [];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const inside = x && y && x < width - 1 && y < height - 1
        && mask[at - 1] && mask[at + 1] && mask[at - width] && mask[at + width];
      if (mask[at] && !inside) edge.push([x, y]);
    }
  }
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--marked");
  for (const [style, thick] of [["#000", line + (side >= 200 ? 2 : 0)], [colour, line]]) {
    context.fillStyle = style;
    for (const [x, y] of edge) context.fillRect(x - (thick >> 1), y - (thick >> 1), thick, thick);
  }
}

function drawMask(canvas, { width, height }, mask) {
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  new Uint32Array(image.data.buffer).set(Uint32Array.from(mask, (marked) => (marked ? 0xffffffff : 0xff000000)));
  context.putImageData(image, 0, 0);
}

function show(picture, name, { mask, area, largest }) {
  drawOutline(byId("outlined"), picture, mask);
  drawMask(byId("mask"), picture, mask);
  const share = (100 * area) / mask.length;
  byId("name").textContent = `${name}, ${picture.width} x ${picture.height} pixels`;
  byId("area").textContent = area.toLocaleString("en");
  byId("share").textContent = `${share.toFixed(2)} %`;
  byId("largest").textContent = largest.toFixed(4);
  byId("save").dataset.name = `${name.replace(/\.[^.]*$/, "")}-mask.png`;
  byId("result").hidden = false;
  return area ? `Done. The network marks ${share.toFixed(2)} % of the picture.` : "Done. The network marks nothing.";
}

let latest = 0; // a picture that comes while another is at work takes its place

async function tryPicture(file, name) {
  const mine = ++latest, status = byId("status");
  const say = (text, kind) => {
    if (mine !== latest) return;
    status.textContent = text;
    status.className = kind;
  };
  byId("result").hidden = true;
  say("Reading the picture ...", "working");
  try {
    const picture = await readPicture(file, name);
    say("The network is at work. The first time, it has to be unpacked: some seconds ...", "working");
    await new Promise((done) => setTimeout(done, 30)); // so that this line is seen
    const small = shrink(picture.data, picture.width, picture.height, settings.side);
    const probability = await (await network())(small);
    if (mine !== latest) return;
    say(show(picture, name, markedPixels(probability, settings.side, picture.width, picture.height)), "done");
  } catch (error) {
    say(error instanceof Refusal ? error.message : `The network could not be used in this browser (${error}).`, "wrong");
  }
}

function save() {
  byId("mask").toBlob((blob) => {
    const address = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: address, download: byId("save").dataset.name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  });
}

byId("file").addEventListener("change", ({ target }) => {
  if (target.files[0]) tryPicture(target.files[0], target.files[0].name);
});
byId("file").addEventListener("click", ({ target }) => {
  target.value = ""; // the same file may be chosen again
});
byId("sample").addEventListener("click", () => {
  const [, base64] = byId("sample").querySelector("img").src.split(",");
  tryPicture(new Blob([bytesOf(base64)], { type: "image/png" }), "synthetic.png");
});
byId("save").addEventListener("click", save);
// A picture may be dropped anywhere: dropped beside the frame, it would otherwise open in place of the page.
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    const file = kind === "drop" && event.dataTransfer.files[0];
    if (file) tryPicture(file, file.name);
  });
}
byId("try").hidden = false;
