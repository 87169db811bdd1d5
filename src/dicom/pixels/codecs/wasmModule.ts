/**
 * Codecs that are C++ compiled to WebAssembly by Emscripten. Each thread has its own instance; the compiled code is kept,
 * so that a new instance costs milliseconds. An instance is given up
 * - after any error: C++ exceptions leave its stack and heap behind, a trap leaves anything;
 * - when its heap has grown: WebAssembly memory never shrinks.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describeError } from '../../../base/errors.ts';
import { isPixelError, malformed, pixelError } from '../pixelErrors.ts';

const require = createRequire(import.meta.url);

/** Emscripten's embind objects live in the heap of the instance until they are deleted. */
export type Embound = { delete(): void };

type Instance<Classes> = Classes & { HEAPU8: Uint8Array };
type Factory<Classes> = (options: object) => Promise<Instance<Classes>>;

/** All four packages begin with 50 MiB. A larger heap is not carried into the next image. */
const keptHeap = 96 * 2 ** 20;

export type WasmCodec<Classes> = {
  /**
   * Runs `work` with the classes of the codec. What it makes is to be deleted by it (`using` below), and no view of the
   * heap may leave it. Throws GatewayError `pixels.malformed` or `pixels.too-large`.
   */
  run<Result>(work: (classes: Classes) => Result): Promise<Result>;
};

/** `script` and `binary` as they stand in the exports of the package. */
export function wasmCodec<Classes>(name: string, script: string, binary: string): WasmCodec<Classes> {
  let compiled: WebAssembly.Module | undefined;
  let current: Promise<Instance<Classes>> | undefined;
  let lastMessage = '';

  function instantiate(): Promise<Instance<Classes>> {
    const factory = require(script) as Factory<Classes>;
    compiled ??= new WebAssembly.Module(readFileSync(require.resolve(binary)));
    const code = compiled;
    // Without these two the codecs write to standard output, which belongs to the log.
    const remember = (line: string) => {
      lastMessage = line;
    };
    return factory({
      print: () => {},
      printErr: remember,
      instantiateWasm(imports: WebAssembly.Imports, ready: (instance: WebAssembly.Instance) => unknown) {
        const instance = new WebAssembly.Instance(code, imports);
        ready(instance);
        return instance.exports;
      },
    });
  }

  return {
    async run(work) {
      current ??= instantiate();
      const instance = await current;
      lastMessage = '';
      try {
        const result = work(instance);
        if (instance.HEAPU8.length > keptHeap) current = undefined;
        return result;
      } catch (error) {
        current = undefined;
        throw asPixelError(name, error, lastMessage);
      }
    },
  };
}

function asPixelError(name: string, error: unknown, printed: string): unknown {
  if (isPixelError(error)) return error;
  // A C++ exception arrives as the number of its address.
  const said =
    printed.trim() || (typeof error === 'number' ? 'it rejected the data' : describeError(error).split('\n')[0]);
  if (/memory|allocation|OOM/i.test(said ?? '') && !/out of bounds/i.test(said ?? '')) {
    return pixelError('pixels.too-large', `${name}: ${said}`, error);
  }
  return malformed(`${name}: ${said}`, error instanceof Error ? error : undefined);
}

/** Deletes the embind object afterwards, whatever happens. */
export function using<Thing extends Embound, Result>(thing: Thing, work: (thing: Thing) => Result): Result {
  try {
    return work(thing);
  } finally {
    try {
      thing.delete();
    } catch {
      // The instance has trapped and is given up: its heap goes with it.
    }
  }
}
