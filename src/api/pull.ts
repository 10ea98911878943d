/**
 * A client that sends it with POST /images/create is told first how large the layers are that will come:
 * {"rtLayerSizes":{"<id>":bytes}}. Docker's own stream says that of each layer only when its turn has come.
 */
export const layerSizesHeader = "rt-layer-sizes";
