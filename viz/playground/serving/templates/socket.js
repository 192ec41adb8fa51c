// The connection with the server: messages as JSON, pictures as bytes behind it; connects again when it is lost.

const WAITS = [500, 1000, 2000, 4000, 8000]; // milliseconds before each further try

export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const message = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return [message, new Int8Array(buffer, 4 + length)];
}

export function connect(url, address) {
  url.protocol = url.protocol.replace("http", "ws");
  url.hash = "";
  const transport = { onMessage: () => {}, onState: () => {}, send: () => {} };
  let tries = 0, waiting = 0;

  function open() {
    clearTimeout(waiting);
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    transport.send = (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    };
    socket.onopen = () => {
      tries = 0;
      transport.onState("open");
      transport.send({ type: "hello" });
      if (address().length > 1) transport.send({ type: "open", address: address() });
    };
    socket.onmessage = ({ data }) => transport.onMessage(...unpack(data));
    socket.onclose = ({ code, reason }) => {
      if (code === 1013) return transport.onState("full", reason);
      if (tries >= WAITS.length) return transport.onState("lost");
      transport.onState("waiting");
      waiting = setTimeout(open, WAITS[tries++]);
    };
  }
  transport.again = () => { tries = 0; open(); };
  // a laptop that was closed: try at once when it is opened
  addEventListener("online", () => { if (tries) transport.again(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && tries) transport.again(); });
  setTimeout(open);
  return transport;
}
