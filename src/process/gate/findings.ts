/** How the gate names a place: `(0040,A730) > (0040,A160)`. Never a value. */
export const tagText = (tag: number): string => {
  const digits = tag.toString(16).toUpperCase().padStart(8, '0');
  return `(${digits.slice(0, 4)},${digits.slice(4)})`;
};

export const tagPath = (path: readonly number[], tag: number): string => [...path, tag].map(tagText).join(' > ');
