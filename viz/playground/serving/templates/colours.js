// One colour for each value: orange below 0, blue above, almost the background at 0. Pictures are bytes, −127 to 127.

export class Colours {
  constructor(root) {
    this.root = root;
    this.read();
  }

  // the colours of the theme, from the style sheet
  read() {
    const style = getComputedStyle(this.root);
    const rgb = (name) => {
      const probe = document.createElement("canvas").getContext("2d");
      probe.fillStyle = style.getPropertyValue(name).trim();
      const text = probe.fillStyle;
      return [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
    };
    const dark = style.getPropertyValue("--is-dark").trim() === "1";
    const [zero, above, below] = [rgb(dark ? "--zero-dark" : "--zero-light"), rgb(dark ? "--above-dark" : "--above-light"), rgb(dark ? "--below-dark" : "--below-light")];
    this.table = new Uint32Array(256);
    for (let v = -128; v <= 127; v++) {
      const share = Math.min(1, Math.abs(v) / 127), end = v < 0 ? below : above;
      const [r, g, b] = zero.map((x, i) => Math.round(x + (end[i] - x) * share));
      this.table[v & 255] = (255 << 24) | (b << 16) | (g << 8) | r;
    }
  }

  css(share) {
    const c = this.table[Math.round(127 * Math.max(-1, Math.min(1, share))) & 255];
    return `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`;
  }

  // draw n × n bytes on a canvas; discrete: only the sign
  paint(canvas, bytes, n, discrete = false) {
    if (canvas.width !== n) canvas.width = canvas.height = n;
    const context = canvas.getContext("2d"), image = context.createImageData(n, n);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < n * n; i++) pixels[i] = this.table[(discrete ? (bytes[i] > 0 ? 100 : bytes[i] < 0 ? -100 : 0) : bytes[i]) & 255];
    context.putImageData(image, 0, 0);
  }
}
