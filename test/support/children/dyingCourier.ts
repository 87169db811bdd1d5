/** A courier that cannot start. */
process.stderr.write('last words\n');
process.exit(3);
