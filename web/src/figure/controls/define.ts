/** Registering elements. */

/** Registers an element once, also when the script is on a page twice: the first one counts. */
export function define(name: string, element: CustomElementConstructor): void {
  if (!customElements.get(name)) customElements.define(name, element);
}
