/**
 * Regular expressions of a manifest, on values that a stranger wrote: some patterns take ages for some texts, so each test has
 * a time, after which it counts as failed for good.
 */
import { createContext, Script } from 'node:vm';
import { GatewayError } from '../../base/errors.ts';

/** Longer values are compared up to here. */
const maxLength = 1024;
const maxMilliseconds = 100;

/** Case does not count. Throws GatewayError `select.pattern-time` when a text takes too long. */
export function matcher(pattern: string): (text: string) => boolean {
  const context = createContext({ pattern: new RegExp(pattern, 'iu'), text: '' });
  const script = new Script('pattern.test(text)');
  return (text) => {
    context.text = text.slice(0, maxLength);
    try {
      return script.runInContext(context, { timeout: maxMilliseconds }) === true;
    } catch (error) {
      throw new GatewayError(`the pattern of a selection took more than ${maxMilliseconds} ms for a value`, {
        code: 'select.pattern-time',
        operation: 'select instances',
        hint: 'write the pattern of `matches` without nested repetitions, or use `contains`',
        cause: error,
      });
    }
  };
}
