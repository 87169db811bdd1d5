/** C-STORE and C-ECHO statuses (PS3.4 B.2.3, PS3.7 annex C). */
export const status = {
  success: 0x0000,
  sopClassNotSupported: 0x0122,
  invalidSopInstance: 0x0117,
  unrecognizedOperation: 0x0211,
  outOfResources: 0xa700,
  cannotUnderstand: 0xc000,
} as const;

export const statusText = (code: number) => `${code.toString(16).toUpperCase().padStart(4, '0')}H`;
