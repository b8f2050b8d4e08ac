/** What arrives by events, taken one at a time in order. For one taker. */
export interface Mailbox<Item> {
  put(item: Item): void;
  /** From now on `take` throws, once what was put before is taken. */
  fail(error: unknown): void;
  take(): Promise<Item>;
}

export const mailbox = <Item>(): Mailbox<Item> => {
  const items: Item[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  return {
    put: (item) => {
      items.push(item);
      wake?.();
    },
    fail: (error) => {
      failure ??= { error };
      wake?.();
    },
    take: async () => {
      while (items.length === 0) {
        if (failure) throw failure.error;
        await new Promise<void>((resolve) => (wake = resolve));
        wake = undefined;
      }
      return items.shift() as Item;
    },
  };
};
