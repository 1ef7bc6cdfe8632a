/** Something that is made when it is first asked for. */
export type Lazy<T> = {
  /** The same for all who ask; after a failure the next one tries again. */
  open(): Promise<T>;
  /** What has been made; undefined: nobody asked yet. */
  opened(): T | undefined;
};

export function createLazy<T>(make: () => Promise<T>): Lazy<T> {
  let made: T | undefined;
  let making: Promise<T> | undefined;
  const start = async (): Promise<T> => {
    try {
      made = await make();
      return made;
    } catch (error) {
      making = undefined;
      throw error;
    }
  };
  return {
    open: () => {
      making ??= start();
      return making;
    },
    opened: () => made,
  };
}
