/** Draws lines that change in place on a terminal; elsewhere prints only those that are new. */
export interface LiveLines {
  /** Replaces the live lines; `ended` ones are printed above and stay. */
  draw(live: readonly string[], ended?: readonly string[]): void;
}

/** Live lines of a terminal: the cursor goes back over the last ones. */
export function terminalLines(write: (text: string) => void): LiveLines {
  let drawn = 0;
  return {
    draw(live, ended = []) {
      const back = drawn > 0 ? `\u001b[${drawn}A` : '';
      drawn = live.length;
      write(`${back}\u001b[J${[...ended, ...live].map((line) => `${line}\n`).join('')}`);
    },
  };
}

/** For pipes and files: every line once, until it changes. */
export function plainLines(write: (text: string) => void): LiveLines {
  let before: readonly string[] = [];
  return {
    draw(live, ended = []) {
      const fresh = [...ended, ...live.filter((line) => !before.includes(line))];
      before = live;
      for (const line of fresh) write(`${line}\n`);
    },
  };
}
