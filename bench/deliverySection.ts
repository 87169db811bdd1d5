import type { Section } from './section.ts';
export const benchDelivery: Section = async () => ({ summary: {}, couldNotRun: { delivery: 'tbd' } });
