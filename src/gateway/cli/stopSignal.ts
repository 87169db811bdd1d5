/**
 * A signal that SIGTERM and SIGINT abort, for work that ends in order. The second of them ends the program at once, which
 * loses nothing that was acknowledged.
 */
export function stopOnSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(1);
      controller.abort(signal);
    });
  }
  return controller.signal;
}
