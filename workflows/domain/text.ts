/** Text from elsewhere that people will read: bounded, on one line, without control, bidirectional or halved characters. */
export function plainText(text: string, charactersMax: number): string {
  return text
    .slice(0, charactersMax)
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
}
