import { describe, expect, it } from 'vitest';
import { Activity } from '../../../src/dicom/services/activity.ts';

const limits = { idleMs: 60_000, minimumRate: 1000 };
const waiting = { waitsForUs: false, midMessage: false };
const inMessage = { waitsForUs: false, midMessage: true };
const held = { waitsForUs: true, midMessage: true };

/** Looks once a second, as the listener does; `each` says what happened in that second. The first verdict, and when. */
function run(
  seconds: number,
  situation: typeof waiting,
  each: (activity: Activity, now: number, second: number) => void,
) {
  const activity = new Activity(0);
  for (let second = 1; second <= seconds; second++) {
    const now = second * 1000;
    each(activity, now - 500, second);
    const verdict = activity.look(now, situation, limits);
    if (verdict) return { verdict, second };
  }
  return undefined;
}

describe('activity of a peer', () => {
  it('is none when nothing comes', () => {
    expect(run(100, waiting, () => {})).toEqual({ verdict: 'idleTimeout', second: 60 });
  });

  it('is none when bytes dribble into a PDU that never ends', () => {
    const dribble = (activity: Activity, now: number) => activity.received(now, 1, false);
    expect(run(100, inMessage, dribble)).toEqual({ verdict: 'idleTimeout', second: 60 });
  });

  it('is a PDU now and then', () => {
    const ping = (activity: Activity, now: number, second: number) => {
      if (second % 50 === 0) activity.received(now, 80, true);
    };
    expect(run(1000, waiting, ping)).toBeUndefined();
  });

  it('is as much of a long PDU as an ordinary one has: a slow link is not idle', () => {
    const slow = (activity: Activity, now: number) => activity.received(now, 2000, false);
    expect(run(1000, inMessage, slow)).toBeUndefined();
  });

  it('is too little when a message comes below the rate, in however many whole PDUs', () => {
    const tiny = (activity: Activity, now: number) => activity.received(now, 999, true);
    expect(run(200, inMessage, tiny)).toEqual({ verdict: 'minimumRate', second: 61 });
  });

  it('has an average: a burst makes up for a pause', () => {
    const bursts = (activity: Activity, now: number, second: number) => {
      if (second % 30 === 0) activity.received(now, 30_001, true);
    };
    expect(run(1000, inMessage, bursts)).toBeUndefined();
  });

  it('has no rate between messages', () => {
    const chat = (activity: Activity, now: number) => activity.received(now, 1, true);
    expect(run(1000, waiting, chat)).toBeUndefined();
  });

  it('is not asked for while the peer waits for us', () => {
    expect(run(1000, held, () => {})).toBeUndefined();
  });

  it('is not measured over a time in which we held the peer back, however shortly', () => {
    const heldBetweenLooks = (activity: Activity, now: number) => activity.ours(now);
    expect(run(1000, inMessage, heldBetweenLooks)).toBeUndefined();
  });

  it('has no least rate where that is 0', () => {
    const activity = new Activity(0);
    for (let now = 1000; now < 500_000; now += 1000) {
      activity.received(now, 1, true);
      expect(activity.look(now, inMessage, { ...limits, minimumRate: 0 })).toBeUndefined();
    }
  });
});
