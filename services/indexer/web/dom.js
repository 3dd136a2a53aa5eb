// Making elements.  Content is only ever set as text: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Put properties on an element: `class`, `on` (listeners), `data`, and plain attributes. */
function dress(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "data") {
      Object.assign(element.dataset, value);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

function fill(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** An HTML element; strings among the children become text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  dress(element, properties);
  return fill(element, children);
}

/** An SVG element. */
export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  dress(element, properties);
  return fill(element, children);
}

export function byId(id) {
  return document.getElementById(id);
}

/** Take everything out of `element` and put `children` in. */
export function replace(element, ...children) {
  element.replaceChildren();
  return fill(element, children);
}

/** Say something to those who can't see it; the same words again are said again. */
export function announce(words) {
  const region = byId("announce");
  region.textContent = "";
  requestAnimationFrame(() => {
    region.textContent = words;
  });
}

/** Call `run` when `wait` ms have passed without another call. */
export function debounce(run, wait) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), wait);
  };
}

/** A heading that takes the focus when its view opens. */
export function heading(...children) {
  return h("h1", { tabindex: "-1", class: "title", dir: "auto" }, ...children);
}

/** Whether the visitor asked for less movement. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
