/** Moves samples between "plane after plane" and "pixel by pixel" (PS3.3 C.7.6.3.1.3, Planar Configuration). Pure. */

/** RRRGGGBBB to RGBRGBRGB. */
export function interleavedByPlane(planes: Buffer, components: number, bytesPerSample: number): Buffer {
  if (components === 1) return planes;
  const pixels = Math.floor(planes.length / (components * bytesPerSample));
  const moved = Buffer.alloc(pixels * components * bytesPerSample);
  let to = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let component = 0; component < components; component++) {
      let from = (component * pixels + pixel) * bytesPerSample;
      for (let byte = 0; byte < bytesPerSample; byte++) moved[to++] = planes[from++] ?? 0;
    }
  }
  return moved;
}
