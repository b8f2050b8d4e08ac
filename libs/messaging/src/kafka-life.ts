/** Signs of life of a group's consumer, over all the consumers that its supervisor makes. */
export interface Life {
  sign(): void;
  /** Instant (ms) since when there has been no sign while the broker answers, or null. */
  deadSince(): number | null;
  close(): void;
}

export interface LifeOptions {
  /** Rejects while the broker doesn't answer. */
  readonly probe: () => Promise<unknown>;
  /** Called when the consumer has been dead for long enough to be replaced, and again after as long. */
  readonly onDead: () => void;
  readonly silentMs?: number;
  readonly replaceAfterMs?: number;
  readonly lookEveryMs?: number;
}

/** A broker that is away is nobody's death: the consumer is dead only when it is silent while the broker answers. */
export const watchLife = ({ probe, onDead, silentMs = 15_000, replaceAfterMs = 30_000, lookEveryMs = 5_000 }: LifeOptions): Life => {
  let last = Date.now();
  let dead: number | null = null;
  let replaced = 0;
  const look = async (): Promise<void> => {
    if (Date.now() - last < silentMs) {
      dead = null;
      return;
    }
    const answers = await probe().then(
      () => true,
      () => false,
    );
    dead = answers ? (dead ?? Date.now()) : null;
    if (dead === null) return;
    if (Date.now() - Math.max(dead, replaced) > replaceAfterMs) {
      replaced = Date.now();
      onDead();
    }
  };
  const timer = setInterval(() => void look(), lookEveryMs).unref();
  return {
    sign: () => {
      last = Date.now();
      dead = null;
    },
    deadSince: () => dead,
    close: () => clearInterval(timer),
  };
};
