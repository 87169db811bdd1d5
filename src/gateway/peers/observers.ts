/** Several who watch the associations, as one. */
import type { AssociationObserver } from '../../dicom/services/acceptedAssociation.ts';
import type { KnockBook } from './knocks.ts';

export function observers(...all: readonly AssociationObserver[]): AssociationObserver {
  return {
    onAdmitted: (...args) => all.forEach((one) => void one.onAdmitted(...args)),
    onRejected: (...args) => all.forEach((one) => void one.onRejected(...args)),
    onInstance: (...args) => all.forEach((one) => void one.onInstance(...args)),
    onClosed: (...args) => all.forEach((one) => void one.onClosed(...args)),
    onHeld: (...args) => all.forEach((one) => void one.onHeld(...args)),
    onHandshakeFailed: (...args) => all.forEach((one) => void one.onHandshakeFailed(...args)),
    onLimit: (...args) => all.forEach((one) => void one.onLimit(...args)),
  };
}

/** Keeps the book of knocks. */
export function knockObserver(knocks: KnockBook): AssociationObserver {
  const nothing = () => {};
  return {
    onAdmitted: ({ callingAeTitle, caller }) => knocks.forget(callingAeTitle, caller.address),
    onRejected: (knock) => knocks.record(knock),
    onInstance: nothing,
    onClosed: nothing,
    onHeld: nothing,
    onHandshakeFailed: nothing,
    onLimit: nothing,
  };
}
