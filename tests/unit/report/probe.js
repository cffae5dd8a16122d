// What a reader sees of a page: everything is unfolded, then measured. The value is plain data.
(async () => {
  document.querySelectorAll("details").forEach((part) => (part.open = true));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

  const pictures = [];
  for (const image of document.images) {
    const decoded = await image.decode().then(() => image.naturalWidth > 0, () => false);
    const shown = image.getBoundingClientRect().width;
    pictures.push({ alt: image.alt.slice(0, 60), decoded, scale: shown / Number(image.getAttribute("width")) });
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  function colour(text) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return { channels: [red, green, blue], alpha: alpha / 255 };
  }
  function over(top, below) {
    return top.channels.map((value, place) => value * top.alpha + below[place] * (1 - top.alpha));
  }
  function ground(element) {
    const layers = [];
    for (let part = element; part; part = part.parentElement) {
      const layer = colour(getComputedStyle(part).backgroundColor);
      layers.push(layer);
      if (layer.alpha === 1) break;
    }
    const canvasColour = colour("Canvas").channels;
    return layers.reduceRight((below, layer) => over(layer, below), canvasColour);
  }
  function luminance(channels) {
    const [red, green, blue] = channels.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }
  function contrast(style, element) {
    const below = ground(element);
    const [one, other] = [luminance(over(colour(style.color), below)), luminance(below)];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }

  const texts = [];
  function note(element, pseudo, text) {
    const style = getComputedStyle(element, pseudo);
    const path = element.tagName.toLowerCase() + (element.className ? "." + element.className : "") + pseudo;
    texts.push({ path, text: text.slice(0, 40), size: parseFloat(style.fontSize), contrast: contrast(style, element) });
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(element) || !element.checkVisibility()) continue;
    if (["SCRIPT", "STYLE"].includes(element.tagName)) continue;
    seen.add(element);
    note(element, "", walker.currentNode.data.trim());
    for (const pseudo of ["::before", "::after"]) {
      const content = getComputedStyle(element, pseudo).content;
      if (!["none", "normal", '""'].includes(content)) note(element, pseudo, content);
    }
  }
  for (const field of document.querySelectorAll("input")) note(field, "::placeholder", field.placeholder);

  const root = document.documentElement;
  return {
    width: innerWidth,
    needed: Math.max(root.scrollWidth, document.body.scrollWidth),
    scripts: document.scripts.length,
    pictures,
    texts,
  };
})();
