/** Cuts a loop's pause short when there is something to do. */
export class Bell {
  #waiting: (() => void) | undefined;
  #rung = false;

  readonly ring = (): void => {
    this.#rung = true;
    this.#waiting?.();
  };

  /** Ends after so many milliseconds, when the signal aborts, or when it is rung; at once where it was rung since the last pause began. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener("abort", end);
        this.#waiting = end;
      });
    }
    this.#waiting = undefined;
    this.#rung = false;
  }
}
