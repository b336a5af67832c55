/// <reference lib="dom" />
import type { Page } from 'playwright-core';

/** What a reader sees of one text of the page. */
export interface SeenText {
  readonly text: string;
  readonly colour: string;
  readonly page: string;
  /** Ratio of their luminances as the Web Content Accessibility Guidelines define it. */
  readonly contrast: number;
}

export interface PageFacts {
  /** Least contrast of each pair of colours of the page's own texts. */
  readonly texts: readonly SeenText[];
  /** By how much the page is wider than the window, CSS pixels. */
  readonly overflow: number;
  readonly charts: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly marks: number;
  }[];
  readonly anchors: readonly { readonly href: string; readonly found: boolean }[];
}

/** Measures the page as it is laid out now. */
export const factsOf = (page: Page): Promise<PageFacts> =>
  page.evaluate(() => {
    const channels = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
    const linear = (value: number): number => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    const luminance = (colour: string): number => {
      const [red = 0, green = 0, blue = 0] = channels(colour).map(linear);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one: string, other: string): number => {
      const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (light + 0.05) / (dark + 0.05);
    };
    const background = (element: Element): string => {
      for (let at: Element | null = element; at !== null; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if ((channels(backgroundColor)[3] ?? 1) > 0) return backgroundColor;
      }
      return 'rgb(255, 255, 255)';
    };
    const owners = [...document.querySelectorAll('main *:not(svg, svg *)')].filter((element) =>
      [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? '').trim() !== '',
      ),
    );
    const page = owners.map((element) => {
      const colours = { colour: getComputedStyle(element).color, page: background(element) };
      return {
        text: (element.textContent ?? '').slice(0, 40),
        ...colours,
        contrast: contrast(colours.colour, colours.page),
      };
    });
    // Boxes drawn before a text, where its middle is.
    const boxesUnder = (svg: Element, text: Element): CSSStyleDeclaration[] => {
      const { left, top, width, height } = text.getBoundingClientRect();
      const [x, y] = [left + width / 2, top + height / 2];
      return [...svg.querySelectorAll('rect:not(.kc-page)')]
        .filter((box) => (box.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0)
        .filter((box) => {
          const place = box.getBoundingClientRect();
          return place.left <= x && x <= place.right && place.top <= y && y <= place.bottom;
        })
        .map((box) => getComputedStyle(box));
    };
    const blended = (paper: string, boxes: readonly CSSStyleDeclaration[]): string =>
      boxes.reduce((under, { fill, fillOpacity }) => {
        const below = channels(under);
        const share = Number(fillOpacity);
        const mixed = channels(fill).map((value, n) => value * share + (below[n] ?? 0) * (1 - share));
        return `rgb(${mixed.join(', ')})`;
      }, paper);
    // A chart brings its own paper, the rectangle behind everything.
    const inCharts = [...document.querySelectorAll('figure svg')].flatMap((svg) => {
      const paper = getComputedStyle(svg.querySelector('.kc-page') as Element).fill;
      return [...svg.querySelectorAll('text.kc-ink, text.kc-quiet')].map((text) => {
        const colour = getComputedStyle(text).fill;
        const under = blended(paper, boxesUnder(svg, text));
        return { text: (text.textContent ?? '').slice(0, 40), colour, page: under, contrast: contrast(colour, under) };
      });
    });
    const pairs = new Map([...page, ...inCharts].map((seen) => [`${seen.colour} ${seen.page}`, seen]));
    return {
      texts: [...pairs.values()],
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      charts: [...document.querySelectorAll('figure')].map((figure) => {
        const { width = 0, height = 0 } = figure.querySelector('svg')?.getBoundingClientRect() ?? {};
        const drawn = [...figure.querySelectorAll('rect:not(.kc-page), path:not(.kc-axis), line')];
        const marks = drawn.filter((mark) => {
          const box = mark.getBoundingClientRect();
          return box.width + box.height > 0;
        }).length;
        return { name: figure.id, width, height, marks };
      }),
      anchors: [...document.querySelectorAll('a')].map((link) => {
        const href = link.getAttribute('href') ?? '';
        return { href, found: href.startsWith('#') && document.getElementById(href.slice(1)) !== null };
      }),
    };
  });
