// Elements without markup: whatever comes from a message can only ever become text.

/** An element; props are properties or, where there is none of that name, attributes. Null children are left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = value;
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Set a text only where it changed: a live region is read aloud at each assignment. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** What the viewer chose, where the browser lets us remember it. */
export const memory = {
  get(key, store = localStorage) {
    try {
      return store.getItem(`infopump.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value, store = localStorage) {
    try {
      store.setItem(`infopump.${key}`, value);
    } catch {
      // Private windows may refuse: the choice then lasts as long as the page.
    }
  },
};
