/** A turn that never ends, as a mistake in a workflow could make one. */
export function endless(): Promise<void> {
  for (;;);
}
