/** Everything that is fuzzed. */
import type { Target } from '../target.ts';
import { acceptedAssociationTarget } from './acceptedAssociation.ts';
import { associationTarget } from './association.ts';
import { commitmentTarget } from './commitment.ts';
import { identifyingTagsTarget } from './identifyingTags.ts';
import { messageTarget } from './message.ts';
import { negotiationTarget } from './negotiation.ts';
import { part10Target } from './part10.ts';
import { pduReaderTarget } from './pduReader.ts';

export const targets = (): Target[] => [
  pduReaderTarget(),
  associationTarget(),
  messageTarget(),
  identifyingTagsTarget(),
  negotiationTarget(),
  acceptedAssociationTarget(),
  commitmentTarget(),
  part10Target(),
];
