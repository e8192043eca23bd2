// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title UnsafeChains: where block hashes decide nothing
/// @notice Chain ids on which `blockhash` is known to somebody beforehand, is chosen by one sequencer without a proof, or belongs to another
/// chain than `block.number` suggests. The same list with the reason for each is `scripts/chains.ts`; a test holds them together.
library UnsafeChains {
    /// @dev Four bytes a chain, ascending.
    bytes internal constant IDS =
        hex"0000012c" // 300 zkSync Sepolia
        hex"00000144" // 324 zkSync Era
        hex"00008173" // 33139 ApeChain (Arbitrum Orbit)
        hex"0000a4b1" // 42161 Arbitrum One
        hex"0000a4ba" // 42170 Arbitrum Nova
        hex"00066eee" // 421614 Arbitrum Sepolia
        hex"000a1337"; // 660279 Xai (Arbitrum Orbit)

    /// @notice Whether seeds from block hashes are refused on a chain.
    function contains(uint256 chainId) internal pure returns (bool) {
        bytes memory ids = IDS;
        for (uint256 i = 0; i < ids.length; i += 4) {
            uint256 id = (uint256(uint8(ids[i])) << 24) | (uint256(uint8(ids[i + 1])) << 16);
            id |= (uint256(uint8(ids[i + 2])) << 8) | uint256(uint8(ids[i + 3]));
            if (id == chainId) return true;
        }
        return false;
    }
}
