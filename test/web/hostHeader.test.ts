import { expect, it } from 'vitest';
import { isAllowedHost } from '../../src/web/hostHeader.ts';

it.each([
  '127.0.0.1',
  '127.0.0.1:8104',
  '10.1.2.3:80',
  '[::1]:8104',
  '[fd00::1]',
  'localhost',
  'LOCALHOST:1',
  'gateway.example',
  'Gateway.Example:8104',
])('%s is us', (host) => expect(isAllowedHost(host, 'gateway.example')).toBe(true));

it.each([
  undefined,
  '',
  'evil.example',
  'evil.example:8104',
  'gateway.example.evil',
  'localhost.evil',
  '127.0.0.1.evil.example',
  '[evil]',
  '[::1',
  '::1',
  'localhost:x',
  'a b',
  '127.0.0.1:8104, evil',
  'user@127.0.0.1',
  '999.1.1.1',
])('%s is not', (host) => expect(isAllowedHost(host, 'gateway.example')).toBe(false));
