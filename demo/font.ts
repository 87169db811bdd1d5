/** Letters of 3 x 5 dots, each row an octal digit: enough for captions, so that pictures need no font of the machine. */
const glyphs: Record<string, string> = {
  ...{ '0': '75557', '1': '26227', '2': '71747', '3': '71717', '4': '55711', '5': '74717', '6': '74757', '7': '71122' },
  ...{ '8': '75757', '9': '75717', A: '25755', B: '65656', C: '34443', D: '65556', E: '74647', F: '74644', G: '34553' },
  ...{ H: '55755', I: '72227', J: '11152', K: '55655', L: '44447', M: '57755', N: '65555', O: '25552', P: '65644' },
  ...{ Q: '25573', R: '65655', S: '34216', T: '72222', U: '55557', V: '55552', W: '55775', X: '55255', Y: '55222' },
  ...{ Z: '71247', '.': '00002', ',': '00024', ':': '02020', '/': '11244', '-': '00700', '+': '02720', '%': '51245' },
  ...{ '=': '07070', '(': '12221', ')': '42224', "'": '22000' },
};

export const glyphWidth = 3;
export const glyphHeight = 5;

/** Whether the dot at column 0..2 and row 0..4 is set; letters without a glyph are blank. */
export function isDotSet(letter: string, column: number, row: number): boolean {
  const rowBits = Number.parseInt(glyphs[letter.toUpperCase()]?.[row] ?? '0', 8);
  return ((rowBits >> (glyphWidth - 1 - column)) & 1) === 1;
}
