/** In receipts, as detail of step `scan`, where the application goes on without the scanner. Read by whoever counts them. */
export const notScanned = 'not scanned: the scanner was away';
