/** A command as people write it into a setting. */

/** One word: quoted in either way, or with backslashes before single characters. */
const WORD = /"((?:\\.|[^"\\])*)"|'([^']*)'|((?:\\.|[^\s"'\\])+)/gu;

/** Split a command into program and arguments as a POSIX shell would, but for what shells expand. */
export function splitCommand(command: string): string[] {
  const words: string[] = [];
  let end = -1;
  for (const match of command.matchAll(WORD)) {
    const [whole, double, single, bare] = match;
    const word = single ?? (double ?? bare ?? "").replace(/\\(.)/gu, "$1");
    if (match.index === end) {
      words.push((words.pop() ?? "") + word);
    } else {
      words.push(word);
    }
    end = match.index + whole.length;
  }
  return words;
}
