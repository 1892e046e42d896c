/* global document, getComputedStyle, innerWidth */
// Run in a page: what would keep somebody from reading or using it, a sentence each.
(() => {
  const found = [];
  const seen = (element) => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });
  const shown = (element) => element.outerHTML.replace(/\s+/g, ' ').slice(0, 120);

  if (document.documentElement.scrollWidth > innerWidth) {
    const widest = [...document.querySelectorAll('main *')].find(
      (one) => one.getBoundingClientRect().right > innerWidth,
    );
    found.push(`wider than the window: ${widest ? shown(widest) : ''}`);
  }
  const headings = document.querySelectorAll('h1').length;
  if (headings !== 1) found.push(`${headings} headings of the first level`);
  let level = 0;
  for (const heading of document.querySelectorAll('h1, h2, h3, h4')) {
    // What just happened, and what went wrong, stand above the heading of the page.
    if (heading.closest('[role=status], [role=alert]')) continue;
    const next = Number(heading.tagName[1]);
    if (next > level + 1) found.push(`a level is left out before ${shown(heading)}`);
    level = next;
  }
  for (const field of document.querySelectorAll('input:not([type=hidden]), select, textarea')) {
    if (field.labels.length === 0 && !field.ariaLabel) found.push(`no label: ${shown(field)}`);
  }
  for (const control of document.querySelectorAll('button, a[href], summary')) {
    if (control.textContent.trim() === '' && !control.ariaLabel) found.push(`no words: ${shown(control)}`);
  }
  for (const field of document.querySelectorAll('[aria-describedby], [aria-labelledby]')) {
    const ids = `${field.getAttribute('aria-describedby') ?? ''} ${field.getAttribute('aria-labelledby') ?? ''}`;
    for (const id of ids.split(/\s+/).filter(Boolean)) {
      if (!document.getElementById(id)) found.push(`names ${id}, which is not there: ${shown(field)}`);
    }
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  for (const id of ids.filter((one, index) => ids.indexOf(one) !== index)) found.push(`the id ${id} stands twice`);

  const channels = (colour) => (/^rgba?\(/.test(colour) ? colour.match(/[\d.]+/g).map(Number) : undefined);
  const light = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) => {
      const one = part / 255;
      return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour && (colour[3] ?? 1) === 1) return colour;
    }
    return [255, 255, 255];
  };
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!hasText || !seen(element) || element.closest('.hidden-but-read, noscript, option, .skip')) continue;
    // A cell is as high as its row, and what is only read is higher than its box.
    const text = document.createRange();
    text.selectNodeContents(element);
    const { width } = text.getBoundingClientRect();
    const height = Math.min(text.getBoundingClientRect().height, element.getBoundingClientRect().height);
    if (height > 6 * width && height > 120) found.push(`squeezed: ${shown(element)}`);
    const style = getComputedStyle(element);
    const colour = channels(style.color);
    if (!colour) continue;
    const [one, other] = [light(colour), light(ground(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${shown(element)}`);
  }
  for (const control of document.querySelectorAll('button, .button, nav a, input:not([type=hidden]), select')) {
    if (!seen(control) || control.closest('label')) continue;
    const { height, width } = control.getBoundingClientRect();
    if (height < 24 || width < 24) found.push(`too small to touch: ${shown(control)}`);
  }
  return found;
})();
