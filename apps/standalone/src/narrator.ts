/** Longest silence of a start, milliseconds: whoever watches would take more for a hang. */
const longestSilenceMs = 3_000;

export interface Narrator {
  readonly say: (line: string) => void;
  /** Ends the signs of life. */
  stop(): void;
}

/** Says lines on standard output, and a sign of life where nothing else is said for a while. */
export const narrate = (): Narrator => {
  let saidAt = Date.now();
  const say = (line: string): void => {
    saidAt = Date.now();
    process.stdout.write(`${line}\n`);
  };
  const timer = setInterval(() => {
    if (Date.now() - saidAt >= longestSilenceMs) say('…');
  }, 500);
  return { say, stop: () => clearInterval(timer) };
};
