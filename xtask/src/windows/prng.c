/* What Rust's standard library takes random bytes from, for a Wine that has none of it: older ones than 8.8. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
    return length <= 0xffffffff && SystemFunction036(bytes, (ULONG)length);
}
