/** Promises by name that somebody else keeps or breaks. Nobody has to wait for them. */
export class Waiters<T> {
  readonly #known = new Map<string, PromiseWithResolvers<T>>();

  /** The promise under a name, made where there is none. */
  promise(name: string): Promise<T> {
    const known = this.#known.get(name) ?? Promise.withResolvers<T>();
    known.promise.catch(() => {});
    this.#known.set(name, known);
    return known.promise;
  }

  resolve(name: string, value: T): void {
    this.#known.get(name)?.resolve(value);
    this.#known.delete(name);
  }

  reject(name: string, error: Error): void {
    this.#known.get(name)?.reject(error);
    this.#known.delete(name);
  }
}
