/** Work that is done once a frame, however often it is asked for. */

/** Returns a function that asks for `work` with the next frame; asking again before then changes nothing. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
