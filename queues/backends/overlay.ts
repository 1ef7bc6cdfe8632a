/** The same object with these members in place of its own. */
export function overlay<Target extends object>(
  target: Target,
  own: Readonly<Partial<Record<string | symbol, unknown>>>,
): Target {
  return new Proxy(target, {
    get: (_, property) => {
      if (Object.hasOwn(own, property)) return own[property];
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
