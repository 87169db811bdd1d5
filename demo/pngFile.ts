/** Reads PNG files back for the demo's picture. */
import { decode } from 'fast-png';
import type { Raster } from './png.ts';

/** 8 bits a channel; transparency is left out. Throws Error for what is no PNG file. */
export function decodedPng(file: Uint8Array): Raster {
  const { width, height, data, channels, depth } = decode(file);
  if (depth !== 8) throw new Error(`a PNG file of ${depth} bits`);
  const kept = channels >= 3 ? 3 : 1;
  const pixels = new Uint8Array(width * height * kept);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < kept; channel++) pixels[i * kept + channel] = data[i * channels + channel] ?? 0;
  }
  return { width, height, channels: kept, pixels };
}

/** By averaging, to at most `edge` pixels each way. */
export function shrunk(raster: Raster, edge: number): Raster {
  const { channels, pixels } = raster;
  const by = Math.ceil(Math.max(raster.width, raster.height) / edge);
  if (by <= 1) return raster;
  const width = Math.floor(raster.width / by);
  const height = Math.floor(raster.height / by);
  const made = new Uint8Array(width * height * channels);
  for (let i = 0; i < made.length; i++) {
    const channel = i % channels;
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / channels / width);
    let total = 0;
    for (let dy = 0; dy < by; dy++) {
      for (let dx = 0; dx < by; dx++) {
        total += pixels[((y * by + dy) * raster.width + x * by + dx) * channels + channel] ?? 0;
      }
    }
    made[i] = Math.round(total / (by * by));
  }
  return { width, height, channels, pixels: made };
}
