/** The few drawings of the pages, as markup for the templates. Decorative: what they say stands beside them in words. */

const shapes = {
  pass: '<path d="M4 5h16a2 2 0 0 1 2 2v2.600a2.500 2.500 0 0 0 0 4.800V17a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2v-2.600a2.500 2.500 0 0 0 0-4.800V7a2 2 0 0 1 2-2z"/><path d="M14.500 5v2M14.500 11v2M14.500 17v2"/>',
  check: '<path d="m5 12.500 4.500 4.500L19 7.500"/>',
  cross: '<path d="m6 6 12 12M18 6 6 18"/>',
  clock: '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 2"/>',
  inbox:
    '<path d="M3 13h5l1.500 3h5L16 13h5"/><path d="M5.500 5h13L21 13v5a1.500 1.500 0 0 1-1.500 1.500h-15A1.500 1.500 0 0 1 3 18v-5z"/>',
  lost: '<circle cx="11" cy="11" r="7"/><path d="m16.500 16.500 4 4M9 9.500h.01M13 9.500h.01M8.800 14c1.300-1.200 3.100-1.200 4.400 0"/>',
  key: '<circle cx="8" cy="15" r="4.500"/><path d="m11.200 11.800 8.300-8.300M16 7l3 3M13.500 9.500l2 2"/>',
} as const;

const logo =
  '<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><path fill="var(--mark)" d="M6 3h20a4 4 0 0 1 4 4v5.200a4 4 0 0 0 0 7.600V25a4 4 0 0 1-4 4H6a4 4 0 0 1-4-4v-5.200a4 4 0 0 0 0-7.600V7a4 4 0 0 1 4-4z"/><path fill="var(--sun)" d="M8.500 20.500a7.500 7.500 0 0 1 15 0z"/><path stroke="#fff" stroke-width="1.800" stroke-linecap="round" d="M7 23.700h18"/></svg>';

export type IconName = keyof typeof shapes | 'logo';

export function icon(name: IconName): string {
  if (name === 'logo') return logo;
  return `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${shapes[name]}</svg>`;
}
