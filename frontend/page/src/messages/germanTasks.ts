/** The German words of what Python declares: the tasks and their parameters, by the English ones; problems by code. */

export const GERMAN_TASKS: Readonly<Record<string, string>> = {
  "Sketch to image": "Skizze zu Bild",
  "Paint a few shapes; they become a picture of the class.":
    "Malen Sie ein paar Formen; sie werden ein Bild der Klasse.",
  "Turn a sketch into a picture of a class.": "Aus einer Skizze ein Bild einer Klasse machen.",
  "sketch to image": "Skizze zu Bild",
  Generate: "Erzeugen",
  "Noise in the colours of the class becomes a picture of it.":
    "Rauschen in den Farben der Klasse wird ein Bild von ihr.",
  "Generate pictures of a class from noise in its colours.":
    "Bilder einer Klasse aus Rauschen in ihren Farben erzeugen.",
  generate: "Erzeugen",
  Translate: "Übersetzen",
  "Load a photograph; it becomes a picture of another class.":
    "Laden Sie ein Foto; es wird ein Bild einer anderen Klasse.",
  "Turn a photograph into a picture of another class.": "Aus einem Foto ein Bild einer anderen Klasse machen.",
  translate: "Übersetzen",
  "Super-resolve": "Vergrößern",
  "Load a picture; it is scaled down, then enlarged with the detail of its class.":
    "Laden Sie ein Bild; es wird verkleinert und dann mit den Einzelheiten seiner Klasse vergrößert.",
  "Enlarge a small picture with the detail of its class.":
    "Ein kleines Bild mit den Einzelheiten seiner Klasse vergrößern.",
  "super resolve": "Vergrößern",
  Inpaint: "Ausbessern",
  "Mask a part of the picture; it is repainted as part of the class.":
    "Maskieren Sie einen Teil des Bildes; er wird als Teil der Klasse neu gemalt.",
  "Repaint the masked part of a picture towards a class.":
    "Den maskierten Teil eines Bildes als Teil einer Klasse neu malen.",
  inpaint: "Ausbessern",
  "Paint features": "Merkmale malen",
  "Mask a part of the picture and choose a feature; it is painted there.":
    "Maskieren Sie einen Teil des Bildes und wählen Sie ein Merkmal; es wird dort gemalt.",
  "Paint features of the model into parts of a picture.": "Merkmale des Modells in Teile eines Bildes malen.",
  "paint features": "Merkmale malen",

  Dream: "Träumen",
  "A page cannot do the task 'dream': each layer needs a step of its own; use Python.":
    "Träumen kann eine Seite nicht: jede Schicht braucht einen eigenen Schritt; nehmen Sie Python.",

  steps: "Schritte",
  "Number of gradient steps.": "Zahl der Gradientenschritte.",
  epsilon: "Epsilon",
  "How far the picture may move from its start.": "Wie weit sich das Bild von seinem Anfang entfernen darf.",
  "L2, pixels at 224; under linf, levels of 255": "L2, Pixel bei 224; bei Linf Stufen von 255",
  "step size": "Schrittweite",
  "How far each step moves the picture.": "Wie weit jeder Schritt das Bild bewegt.",
  seed: "Startwert",
  "Seeds the faint noise added to the start; None adds none.":
    "Bestimmt das schwache Rauschen auf dem Anfang; ohne Wert gibt es keines.",
  "Seeds the random start; the same seed gives the same run.":
    "Bestimmt den zufälligen Anfang; derselbe Startwert gibt denselben Lauf.",
  pictures: "Bilder",
  "Number of pictures, made at once from consecutive seeds.":
    "Zahl der Bilder, die zugleich aus aufeinanderfolgenden Startwerten entstehen.",
  norm: "Norm",
  constraint: "Norm",
  "Which distance epsilon limits.": "Welchen Abstand Epsilon begrenzt.",
  "L2 ball: the picture as a whole moves by at most epsilon":
    "L2-Kugel: das Bild als Ganzes bewegt sich um höchstens Epsilon",
  "Linf ball: no value moves by more than epsilon / 255": "Linf-Kugel: kein Wert bewegt sich um mehr als Epsilon / 255",
  "no limit: epsilon is not used": "keine Grenze: Epsilon wird nicht benutzt",
  none: "keine",
  size: "Größe",
  "Width and height of the result, painted coarse to fine; None is the model's own.":
    "Breite und Höhe des Ergebnisses, von grob nach fein gemalt; ohne Wert die des Modells.",
  pixels: "Pixel",
  factor: "Faktor",
  "How many times the low-resolution picture is enlarged in width and height.":
    "Wievielmal das kleine Bild in Breite und Höhe vergrößert wird.",
  times: "mal",
  start: "Anfang",
  "How the low-resolution picture is enlarged before the first step.":
    "Wie das kleine Bild vor dem ersten Schritt vergrößert wird.",
  "smooth: adds no edges that are not in the picture": "glatt: fügt keine Kanten hinzu, die das Bild nicht hat",
  "blocks of one colour, as in the paper; at 64 pixels their edges stay visible":
    "einfarbige Blöcke, wie im Aufsatz; bei 64 Pixeln bleiben ihre Kanten sichtbar",
  "What fills the hole before the first step.": "Was das Loch vor dem ersten Schritt füllt.",
  "the smoothest surface through the colours around the hole": "die glatteste Fläche durch die Farben um das Loch",
  "the mean colour outside the hole, as in the paper; its edge stays visible":
    "die mittlere Farbe außerhalb, wie im Aufsatz; der Rand bleibt sichtbar",
  outside: "außerhalb",
  "How the picture outside the mask is preserved: None keeps it exactly, a number weighs a soft penalty.":
    "Wie das Bild außerhalb der Maske erhalten bleibt: genau, oder mit einer weichen Strafe dieses Gewichts.",
  "a soft penalty of weight 10 on changes outside the mask, as in the paper":
    "eine weiche Strafe vom Gewicht 10 auf Änderungen außerhalb der Maske, wie im Aufsatz",
  "keep exactly": "genau erhalten",
  ground: "Grund",
  "How much steps may change the flat ground around what is painted; 1 in the paper.":
    "Wie stark die Schritte den leeren Grund um das Gemalte ändern dürfen; 1 im Aufsatz.",
  "Width of the brush and the eraser.": "Breite des Pinsels und des Radierers.",
  "How softly the brush fades out towards its edge.": "Wie weich der Pinsel zu seinem Rand hin ausläuft.",
  "Maximum coverage of one stroke, area or fill; overlaps within it do not add up.":
    "Wie stark ein Strich, eine Fläche oder Füllung höchstens deckt; was sich darin überlappt, wird nicht dunkler.",
  strength: "Stärke",
  "How strongly the feature is painted.": "Wie stark das Merkmal gemalt wird.",
  "times epsilon and step size": "mal Epsilon und Schrittweite",
};

/** What the engine says, by the names of its sentences; {name} stands for one of their values. */
export const GERMAN_PROBLEMS: Readonly<Record<string, string>> = {
  "class-unknown": "Es gibt keine Klasse „{target}“; wählen Sie eine aus der Liste.",
  crashed:
    "Die Berechnung brach ab, vielleicht weil dem Browser der Speicher ausging; starten Sie neu, oder schließen Sie " +
    "zuerst andere Tabs.",
  "download-cut": "{name} ließ sich nicht laden; prüfen Sie die Verbindung, und versuchen Sie es noch einmal.",
  "download-missing": "{name} fehlt auf dem Server ({status}); laden Sie den ganzen Ordner dorthin.",
  "feature-unknown": "Es gibt kein Merkmal „{target}“; wählen Sie eines aus der Palette.",
  "file-damaged": "{name} ist beschädigt; versuchen Sie es noch einmal, oder laden Sie den ganzen Ordner neu hoch.",
  "loss-not-finite":
    "Der Verlust ist bei Schritt {step} keine Zahl mehr; die Bilder davor bleiben. Wählen Sie eine kleinere Schrittweite.",
  "mask-empty": "Die Maske ist leer; markieren Sie den Teil des Bildes, der gemalt werden soll.",
  "mask-full": "Die Maske bedeckt das ganze Bild; lassen Sie einen Teil frei, der unverändert bleibt.",
  "mask-missing": "Es gibt keine Maske; markieren Sie den Teil des Bildes, der gemalt werden soll.",
  "mask-outside":
    "Die Maske ist im mittleren Quadrat des Bildes leer, und mehr wird nicht benutzt; markieren Sie dort etwas.",
  memory: "Dem Browser fehlt Speicher; schließen Sie andere Tabs, und versuchen Sie es noch einmal.",
  "no-simd":
    "Dem WebAssembly dieses Browsers fehlen Vektoren (SIMD), die die Schritte berechnen; nehmen Sie einen neueren.",
  "no-wasm": "Dieser Browser hat kein WebAssembly, das die Schritte berechnet; nehmen Sie einen neueren.",
  "no-seeds": "Dieses Modell hat keine Verteilung, aus der es Bilder erzeugt; wählen Sie eine andere Aufgabe.",
  "other-version": "Diese Seite stammt von einer anderen Version von robust-widgets ({madeBy}); erzeugen Sie sie neu.",
  "picture-missing": "Es gibt kein Bild, von dem ausgegangen wird; malen Sie zuerst etwas, oder laden Sie ein Bild.",
  "task-missing": "Dieses Modell kann diese Aufgabe hier nicht; wählen Sie eine andere.",
};
