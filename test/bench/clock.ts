/** The wall clock finer than a millisecond: histories, views and this process are compared on one machine. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}
