// Numbers as texts: as number() and typeset() in Python write them, as Python reads them, and as a person types them.

const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
const withMinus = (text) => text.replaceAll("-", "−");

function written(x) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  if (Number.isInteger(x) && Math.abs(x) < 1e7) return withMinus(String(x));
  const digits = Math.min(Math.max(recorded.live.digits, 1), 100);
  const [mantissa, power] = x.toExponential(digits - 1).split("e");
  if (power >= -4 && power < 6) return withMinus(trimmed(x.toFixed(Math.max(digits - 1 - power, 0))));
  return withMinus(`${trimmed(mantissa)}e${Number(power)}`);
}
// A difference, always with a sign.
const signed = (x) => (x > 0 ? `+${written(x)}` : x === 0 ? "±0" : written(x));
// What was typed, with a comma or a true minus if need be; null where it is no number.
function parsed(text) {
  const plain = text.trim().replaceAll("−", "-").replace("∞", "inf").replace(/^([-+]?\d*),(\d*(?:e[-+]?\d+)?)$/i, "$1.$2");
  if (/^[-+]?(inf|infinity)$/i.test(plain)) return plain[0] === "-" ? -Infinity : Infinity;
  if (/^nan$/i.test(plain)) return NaN;
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : null;
}
function python(x) {
  if (!Number.isFinite(x)) return `float("${Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf"}")`;
  if (Object.is(x, -0)) return "-0.0";
  return /[.e]/.test(String(x)) ? String(x) : `${x}.0`;
}
