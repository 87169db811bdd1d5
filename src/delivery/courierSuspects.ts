/**
 * Finds the delivery that kills the courier. Whatever the courier held when it died is counted; once something has been there
 * too often, deliveries go singly, so that the guilty one is found and no other is blamed. Pure.
 */

/** So many deaths make a suspect. */
const suspectAfter = 3;
/** So many more, with it alone in the courier's hands, make it guilty. */
const guiltyAfter = suspectAfter + 2;

export class CourierSuspects {
  readonly #deaths = new Map<number, number>();

  /** True while deliveries should go singly. */
  get any(): boolean {
    for (const deaths of this.#deaths.values()) if (deaths >= suspectAfter) return true;
    return false;
  }

  /** The courier died with these. Returns the one that is guilty of it, if that is certain. */
  died(ids: readonly number[]): number | undefined {
    for (const id of ids) this.#deaths.set(id, (this.#deaths.get(id) ?? 0) + 1);
    const [only] = ids;
    return ids.length === 1 && only !== undefined && (this.#deaths.get(only) ?? 0) >= guiltyAfter ? only : undefined;
  }

  /** The courier has answered for it, and lives: it is innocent; or it is out of the way. */
  clear(id: number): void {
    this.#deaths.delete(id);
  }
}
