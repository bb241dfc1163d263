/** Which paths somebody means who has typed a part of one. */

/** The paths that have the typed characters in this order, those that have them together and in the name first. */
export function bestMatches(paths: readonly string[], typed: string, limit: number): readonly string[] {
  const wanted = typed.toLowerCase();
  const rated = paths.flatMap((path) => {
    const rating = rate(path.toLowerCase(), wanted);
    return rating === undefined ? [] : [{ path, rating }];
  });
  rated.sort((a, b) => a.rating - b.rating || a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
  return rated.slice(0, limit).map(({ path }) => path);
}

/** Less is better. */
function rate(path: string, wanted: string): number | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(wanted)) {
    return 0;
  }
  if (path.startsWith(wanted)) {
    return 1;
  }
  if (name.includes(wanted)) {
    return 2;
  }
  if (path.includes(wanted)) {
    return 3;
  }
  return hasInOrder(path, wanted) ? 4 : undefined;
}

function hasInOrder(path: string, wanted: string): boolean {
  let place = -1;
  for (const character of wanted) {
    place = path.indexOf(character, place + 1);
    if (place < 0) {
      return false;
    }
  }
  return true;
}
