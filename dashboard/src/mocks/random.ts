/** mulberry32: the same seed gives the same shop on every machine. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A number in [0, 1) that belongs to this place, however often and in whatever order it is asked for. */
export function noise(...place: number[]): number {
  return random(place.reduce((hash, part) => Math.imul(hash ^ Math.floor(part), 0x9e3779b1), 0x5eed))();
}
