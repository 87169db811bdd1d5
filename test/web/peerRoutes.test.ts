import { describe, expect, it } from 'vitest';
import { type ApiRequest, answer } from '../../src/web/routes.ts';
import { sampleNow, sampleSources } from './sampleStatus.ts';

const sources = sampleSources();
async function ask(method: string, target: string, changes: Partial<ApiRequest> = {}) {
  const request = {
    door: 'unix' as const,
    method,
    target,
    host: 'localhost',
    contentType: 'application/json',
    body: '{}',
  };
  const { status, body } = await answer({ ...request, ...changes }, sources, '');
  return { status, body: JSON.parse(body) };
}

describe('peers, learn mode and reload', () => {
  it('are answered at the local socket', async () => {
    expect(await ask('GET', '/v1/peers')).toMatchObject({ status: 200, body: { knocks: [{ id: 3 }] } });
    expect(await ask('POST', '/v1/peers/learn', { body: '{"forMs":1000}' })).toEqual({
      status: 200,
      body: { learningUntil: sampleNow + 1000 },
    });
    expect(await ask('POST', '/v1/peers/learn', { body: '{"off":true}' })).toEqual({ status: 200, body: {} });
    expect(await ask('POST', '/v1/reload')).toMatchObject({
      status: 200,
      body: { reloaded: true, applied: ['peers'] },
    });
  });

  it('are answered nowhere else', async () => {
    const before = sources.asked.length;
    for (const [method, target] of [
      ['GET', '/v1/peers'],
      ['POST', '/v1/peers/learn'],
      ['POST', '/v1/reload'],
    ] as const) {
      expect(await ask(method, target, { door: 'tcp', body: '{"forMs":1000}' })).toMatchObject({
        status: 403,
        body: { error: { code: 'api.local-only' } },
      });
    }
    expect(sources.asked).toHaveLength(before);
  });

  it('take nothing but what they are meant to take', async () => {
    const before = sources.asked.length;
    for (const body of [
      '',
      '[]',
      '{}',
      '{"forMs":0}',
      '{"forMs":-1}',
      '{"forMs":1.5}',
      '{"forMs":"1"}',
      '{"off":1}',
      '{"off":true,"forMs":1}',
    ]) {
      expect([body, (await ask('POST', '/v1/peers/learn', { body })).status]).toEqual([body, 400]);
    }
    expect((await ask('POST', '/v1/reload', { contentType: 'text/plain' })).status).toBe(415);
    expect((await ask('GET', '/v1/reload')).status).toBe(405);
    expect(sources.asked).toHaveLength(before);
  });
});
