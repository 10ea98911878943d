/** A volume of the driver "local", as it is recorded. */
export interface Volume {
  name: string;
  /** RFC 3339. */
  createdAt: string;
  /** Made for one container, without a name of its own. */
  anonymous: boolean;
  labels?: Record<string, string>;
  /** Options of the driver: type, o and device, as for mount(8). None means a directory. */
  options?: Record<string, string>;
}

/** Docker's mark of a volume that nobody has named. */
export const anonymousLabel = "com.docker.volume.anonymous";

/** What is asked of a volume that may have to be made. */
export interface VolumeRequest {
  /** None for an anonymous one. */
  name: string | undefined;
  driver?: string;
  labels?: Record<string, string>;
  options?: Record<string, string>;
}

/** Labels as clients see them: an anonymous volume says so. */
export function labelsOf(volume: Volume): Record<string, string> {
  return volume.anonymous ? { [anonymousLabel]: "", ...volume.labels } : (volume.labels ?? {});
}
