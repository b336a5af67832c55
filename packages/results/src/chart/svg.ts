const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Code points that XML 1.0 does not allow, not even escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be found
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

/** Text as it may stand in an element or attribute; what XML forbids becomes U+FFFD. */
export const escapeText = (text: string): string =>
  text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character] as string);

/** A coordinate with at most two decimals. */
export const coordinate = (value: number): string => String(Math.round(value * 100) / 100 + 0);

type Attributes = Readonly<Record<string, string | number>>;

const attribute = ([name, value]: [string, string | number]): string =>
  ` ${name}="${typeof value === 'number' ? coordinate(value) : escapeText(value)}"`;

/** One element around `content`, which is markup already. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const open = `<${name}${Object.entries(attributes).map(attribute).join('')}`;
  return content === '' ? `${open}/>` : `${open}>${content}</${name}>`;
}

export const text = (attributes: Attributes, content: string): string =>
  element('text', attributes, escapeText(content) || ' ');

/** How wide a text gets, about: there is nothing to measure it with. */
export const textWidth = (content: string, size: number): number => content.length * size * 0.56;

/** A text cut to a width, with an ellipsis where something is missing. */
export function shortened(content: string, size: number, width: number): string {
  if (textWidth(content, size) <= width) return content;
  const fits = Math.max(1, Math.floor(width / textWidth('x', size)) - 1);
  return `${content.slice(0, fits)}…`;
}
