/** Looks once at what this machine allows, and opens the sandbox or says why it cannot be had. */
import { GatewayError } from '../../base/errors.ts';
import type { Sandbox, SandboxOptions, SandboxUnavailable } from './sandboxTypes.ts';

export async function openSandbox(_options: SandboxOptions): Promise<Sandbox | SandboxUnavailable> {
  const error = new GatewayError('the sandbox for data parts is not built yet', {
    code: 'sandbox.unavailable',
    operation: 'open sandbox',
  });
  return { available: false, error };
}
