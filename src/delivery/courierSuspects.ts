/**
 * Finds the delivery that kills the courier. Whatever the courier held when it died is counted; a store that has something
 * which was there too often gives out one delivery at a time, and such stores take turns, so that the guilty one is found
 * and no other is blamed. Stores without a suspect go on as ever. Pure.
 */

/** So many deaths make a suspect. */
const suspectAfter = 3;
/** So many, and being the only suspect in the courier's hands at the last, make it guilty. */
const guiltyAfter = suspectAfter + 2;

export class CourierSuspects {
  readonly #deaths = new Map<number, { store: string; deaths: number }>();

  /** Whether deliveries of the store should go singly. */
  in(store: string): boolean {
    for (const entry of this.#deaths.values()) if (entry.store === store && entry.deaths >= suspectAfter) return true;
    return false;
  }

  /** The courier died with these. Returns the one that is guilty of it, if that is certain. */
  died(held: ReadonlyArray<{ id: number; store: string }>): number | undefined {
    for (const { id, store } of held) this.#deaths.set(id, { store, deaths: this.#of(id) + 1 });
    const suspects = held.filter(({ id }) => this.#of(id) >= suspectAfter);
    const [only] = suspects;
    return only !== undefined && suspects.length === 1 && this.#of(only.id) >= guiltyAfter ? only.id : undefined;
  }

  /** The courier has answered for it, and lives: it is innocent; or it is out of the way. */
  clear(id: number): void {
    this.#deaths.delete(id);
  }

  #of(id: number): number {
    return this.#deaths.get(id)?.deaths ?? 0;
  }
}
