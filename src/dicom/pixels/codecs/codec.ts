/** The port of all codecs: a frame in, a frame out. Each codec has a file of its own beside this one. */

export type FrameShape = {
  width: number;
  height: number;
  components: number;
  /** Bits that carry the value: what the codestream is told. */
  precision: number;
  signed: boolean;
};

export type DecodedFrame = {
  /** Pixel by pixel, the components of a pixel side by side, little endian. */
  data: Buffer;
  bytesPerSample: 1 | 2 | 4 | 8;
  /** Of the codestream. */
  precision: number;
  signed: boolean;
};
