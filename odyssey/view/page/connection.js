// The way to the server: what a button does is a request, what comes by itself comes by one WebSocket.

const RETRY_MILLISECONDS = 1000;

// Asks for something; throws what is to be shown if it is refused.
export async function press(what, given = {}) {
  let reply;
  try {
    reply = await fetch(what, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(given),
    });
  } catch {
    throw { message: "odyssey view does not answer: it may have ended", meaning: "", advice: "" };
  }
  if (reply.ok) return;
  const said = await reply.json().catch(() => null);
  throw said?.problem ?? { message: `odyssey view refused it: HTTP status ${reply.status}`, meaning: "", advice: "" };
}

// Keeps a WebSocket open while the page is seen; one that nobody looks at costs nothing.
export class Connection {
  constructor({ state, figures, picture, gone }) {
    Object.assign(this, { state, figures, picture, gone });
    this.socket = null;
    document.addEventListener("visibilitychange", () => this.follow());
    this.follow();
  }

  follow() {
    if (document.hidden) {
      this.socket?.close();
      this.socket = null;
    } else if (this.socket === null) {
      this.open();
    }
  }

  open() {
    const socket = this.socket = new WebSocket(`ws://${location.host}/live`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.socket) return;
      if (typeof data !== "string") return void this.show(socket, data);
      const said = JSON.parse(data);
      if (said.state) this.state(said.state);
      if (said.figures) this.figures(said.figures);
    });
    socket.addEventListener("close", () => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.gone();
      setTimeout(() => this.follow(), RETRY_MILLISECONDS);
    });
  }

  // Shows a picture, and says so once it is on the screen: then the next one comes.
  async show(socket, data) {
    const number = new DataView(data).getUint32(0);
    let bitmap = null;
    try {
      bitmap = await createImageBitmap(new Blob([new Uint8Array(data, 4)], { type: "image/jpeg" }));
    } finally {
      requestAnimationFrame(() => {
        if (bitmap !== null) this.picture(bitmap);
        bitmap?.close();
        if (socket.readyState === WebSocket.OPEN) socket.send(`${number}`);
      });
    }
  }
}
