// OpenCV's cv2.resize with INTER_LINEAR, for uint8 and for float32. `repro predict` uses both, and the page has to give
// the same pixels. There is no antialiasing; centres of pixels lie at half numbers.
"use strict";

// For each of `to` pixels along one side: the two of the `from` pixels between which it lies, and how far it lies from
// the first, as a part of 1.
function neighbours(from, to, rounded = (value) => value) {
  const first = new Int32Array(to), second = new Int32Array(to), part = new Float64Array(to);
  const last = from - 1;
  for (let each = 0; each < to; each++) {
    const place = rounded((each + 0.5) * (from / to) - 0.5);
    const before = Math.floor(place);
    part[each] = place - before;
    first[each] = Math.min(Math.max(before, 0), last);
    second[each] = Math.min(Math.max(before + 1, 0), last);
  }
  return { first, second, part };
}

// The nearest integer; a half is rounded to the even one, as processors do.
function rint(value) {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

// The weights of the two pixels as integers, in units of 1/2048 (11 bits), as OpenCV has them for uint8.
function weights({ part }) {
  const scaled = (value) => rint(Math.fround(value) * 2048);
  return { near: Int32Array.from(part, (each) => scaled(1 - Math.fround(each))), far: Int32Array.from(part, scaled) };
}

// Resizes a picture, uint8 RGBA, to side x side pixels, uint8 RGB. Gives the bits of OpenCV's fixed-point arithmetic.
function shrink(rgba, width, height, side) {
  const columns = neighbours(width, side, Math.fround), rows = neighbours(height, side, Math.fround);
  for (let x = 0; x < side; x++) {
    // As in OpenCV, a pixel beyond the left or right edge gets the value of the edge alone. Beyond the upper or lower
    // edge both weights apply, which may add up to less than 2048.
    if (columns.first[x] === columns.second[x]) columns.part[x] = 0;
  }
  const across = weights(columns), down = weights(rows);
  const small = new Uint8Array(side * side * 3);
  const inRow = (row, x, colour) => {
    const start = row * width, left = 4 * (start + columns.first[x]), right = 4 * (start + columns.second[x]);
    return rgba[left + colour] * across.near[x] + rgba[right + colour] * across.far[x];
  };
  for (let y = 0, at = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let colour = 0; colour < 3; colour++, at++) {
        const upper = (down.near[y] * (inRow(rows.first[y], x, colour) >> 4)) >> 16;
        const lower = (down.far[y] * (inRow(rows.second[y], x, colour) >> 4)) >> 16;
        small[at] = (upper + lower + 2) >> 2;
      }
    }
  }
  return small;
}

// Interpolates the network's probabilities, float32 of side x side pixels, to the picture's own size. Returns the mask,
// 1 where the probability is above 0.5; its area in pixels; and the largest probability.
function markedPixels(probability, side, width, height) {
  const columns = neighbours(side, width), rows = neighbours(side, height);
  const mask = new Uint8Array(width * height);
  const line = (row) =>
    Float64Array.from(columns.part, (part, x) => {
      const left = probability[row * side + columns.first[x]], right = probability[row * side + columns.second[x]];
      return left * (1 - part) + right * part;
    });
  const lines = Array.from({ length: side }, (_, row) => line(row));
  let area = 0, largest = 0;
  for (let y = 0, at = 0; y < height; y++) {
    const upper = lines[rows.first[y]], lower = lines[rows.second[y]], part = rows.part[y];
    for (let x = 0; x < width; x++, at++) {
      const value = Math.fround(upper[x] * (1 - part) + lower[x] * part);
      if (value > largest) largest = value;
      if (value > 0.5) {
        mask[at] = 1;
        area++;
      }
    }
  }
  return { mask, area, largest };
}
